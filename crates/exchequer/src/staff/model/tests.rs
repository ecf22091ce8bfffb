//! What `staff::model` promises.

use super::*;

#[test]
fn a_role_is_read_as_it_is_written() {
    for role in Role::ALL {
        assert_eq!(role.to_string().parse(), Ok(role));
    }
    for text in ["", "Teller", "root", " admin"] {
        assert_eq!(text.parse::<Role>(), Err(UnknownRole), "{text:?}");
    }
}

#[test]
fn every_permission_has_a_name_of_its_own() {
    let mut names: Vec<_> = Permission::ALL.iter().map(|p| p.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Permission::ALL.len());
}

#[test]
fn every_role_can_sign_out_and_every_permission_is_somebodys() {
    assert!(Role::ALL.iter().all(|role| role.permits(Permission::SignOut)));
    for permission in Permission::ALL {
        assert!(Role::ALL.iter().any(|role| role.permits(permission)), "{permission}");
    }
}

// PCI DSS 7.2.1, 7.2.2: roles follow what people do, and those who hand out money decide nothing about accounts.
#[test]
fn who_hands_out_money_has_no_say_over_accounts() {
    use Permission as P;
    for role in Role::ALL {
        let till = role.permits(P::Deposit) || role.permits(P::Withdraw);
        let office = [P::UnfreezeAccount, P::CloseAccount, P::SetLimits, P::ReverseTransfer];
        assert!(!till || !office.iter().any(|p| role.permits(*p)), "{role}");
    }
}

// PCI DSS 10.3.1: the audit trail is read by three roles and no other.
// ASVS 16.4.2: the trail is read by the roles that are for it.
#[test]
fn only_auditors_read_events() {
    let auditors: Vec<_> =
        Role::ALL.into_iter().filter(|role| role.permits(Permission::ReadEvents)).collect();
    assert_eq!(auditors, [Role::Compliance, Role::Auditor, Role::Admin]);
}

#[test]
fn who_decides_about_customers_has_no_say_over_operators() {
    use Permission as P;
    let all = [P::LockCustomer, P::UnlockCustomer, P::DisableCustomer, P::EnableCustomer];
    let holders = |p: P| Role::ALL.into_iter().filter(|r| r.permits(p)).collect::<Vec<_>>();
    assert_eq!(holders(P::LockCustomer), [Role::Support, Role::Compliance, Role::Admin]);
    for permission in all.into_iter().skip(1) {
        assert_eq!(holders(permission), [Role::Compliance], "{permission}");
    }
    for permission in [P::DisableMember, P::EnableMember] {
        assert_eq!(holders(permission), [Role::Admin], "{permission}");
    }
    assert_eq!(holders(P::ReadMembers), [Role::Compliance, Role::Auditor, Role::Admin]);
}

#[test]
fn an_auditor_reads_what_the_office_reads_and_changes_nothing() {
    use Permission as P;
    let of = |role: Role| Permission::ALL.into_iter().filter(move |p| role.permits(*p));
    let reading = [
        P::SignOut,
        P::ReadSelf,
        P::ChangeOwnAccess,
        P::ReadAccounts,
        P::ReadCustomers,
        P::ReadEvents,
        P::ReadMerchants,
        P::ReadPayments,
        P::ReadSystem,
        P::ReadFigures,
        P::ReadMembers,
        P::FollowApprovals,
    ];
    assert_eq!(of(Role::Auditor).collect::<Vec<_>>(), reading);
    assert!(Role::Auditor.sees_all_approvals());
    assert!(!Role::Teller.sees_all_approvals() && !Role::Support.sees_all_approvals());
}

// PCI DSS 7.2.2: what a role does not need to know it cannot ask for.
#[test]
fn names_and_addresses_are_for_who_speaks_with_customers() {
    let holders: Vec<_> =
        Role::ALL.into_iter().filter(|role| role.permits(Permission::RevealCustomer)).collect();
    assert_eq!(holders, [Role::Teller, Role::Support, Role::Compliance]);
}
