//! What `secret` promises.

use super::*;
use crate::card::{FingerprintKey, FormatPreservingKey, Number};
use crate::{Keyring, MasterKey, SigningKey};
use zeroize::ZeroizeOnDrop;

/// Does not compile when the type has the trait: the name `probe` is then ambiguous.
macro_rules! assert_lacks {
    ($($type:ty),+ => $trait:path) => {$(
        const _: fn() = || {
            trait Ambiguous<A> {
                fn probe() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Has;
            impl<T: ?Sized + $trait> Ambiguous<Has> for T {}
            let _probe = <$type as Ambiguous<_>>::probe;
        };
    )+};
}

assert_lacks!(SecretBytes, SecretString, MasterKey, Keyring, SigningKey => std::fmt::Debug);
assert_lacks!(SecretBytes, SecretString, MasterKey, Keyring, SigningKey => std::fmt::Display);
assert_lacks!(SecretBytes, SecretString, MasterKey, Keyring, SigningKey => Clone);
assert_lacks!(SecretBytes, SecretString, MasterKey, Keyring, SigningKey => Copy);
assert_lacks!(SecretBytes, SecretString => std::ops::Deref);

assert_lacks!(Number, FingerprintKey, FormatPreservingKey => std::fmt::Debug);
assert_lacks!(Number, FingerprintKey, FormatPreservingKey => std::fmt::Display);
assert_lacks!(Number, FingerprintKey, FormatPreservingKey => Clone);
assert_lacks!(Number, FingerprintKey, FormatPreservingKey => Copy);
assert_lacks!(Number => AsRef<str>);
assert_lacks!(Number => AsRef<[u8]>);
assert_lacks!(Number => std::ops::Deref);

const fn assert_wiped_on_drop<T: ZeroizeOnDrop>() {}
const fn assert_shared_between_threads<T: Send + Sync>() {}

const _: () = {
    assert_wiped_on_drop::<SecretBytes>();
    assert_wiped_on_drop::<SecretString>();
    assert_wiped_on_drop::<MasterKey>();
    assert_wiped_on_drop::<Number>();
    assert_shared_between_threads::<Keyring>();
    assert_shared_between_threads::<MasterKey>();
    assert_shared_between_threads::<FingerprintKey>();
    assert_shared_between_threads::<FormatPreservingKey>();
    assert_shared_between_threads::<crate::PasswordHasher>();
};

#[test]
fn equal_when_every_byte_is_equal() {
    assert!(SecretBytes::new(vec![1, 2]) == SecretBytes::new(vec![1, 2]));
    assert!(SecretBytes::new(vec![1, 2]) != SecretBytes::new(vec![1, 3]));
    assert!(SecretBytes::new(vec![1, 2]) != SecretBytes::new(vec![1, 2, 0]));
    assert!(SecretString::new("a\0".into()) == SecretString::new("a\0".into()));
    assert!(SecretString::new("a\0".into()) != SecretString::new("a".into()));
}

#[test]
fn what_is_cut_off_is_gone() {
    let mut secret = SecretBytes::new(b"plaintext and tag".to_vec());
    secret.keep_first(9);
    assert_eq!(secret.expose(), b"plaintext");
    secret.keep_first(100);
    assert_eq!(secret.expose(), b"plaintext");
}
