// Security keys and passkeys: the one thing that cannot be done without script. A form with `data-webauthn` holds the
// options of the API; the answer goes into its field `credential`, and the form is sent. With `data-make` a credential
// is made, else one is asked for; with `data-start` at once, since a button was pressed on the page before.
(() => {
  // A credential is made for a name: an address of numbers has none.
  const hasName = !/^[\d.]+$|^\[/.test(location.hostname);
  const knowsKeys = Boolean(hasName && window.PublicKeyCredential && navigator.credentials);
  // The style sheet keeps room for what needs keys, and hides what is said without them, until this is known.
  if (!knowsKeys) {
    for (const part of document.querySelectorAll("[data-needs-keys], form[data-webauthn]")) part.remove();
    for (const part of document.querySelectorAll("[data-no-keys]")) {
      part.hidden = false;
      part.removeAttribute("data-no-keys");
    }
    return;
  }
  for (const part of document.querySelectorAll("[data-needs-keys]")) part.hidden = false;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  const read = (key) => {
    const options = { ...key, challenge: bytes(key.challenge) };
    if (key.user) options.user = { ...key.user, id: bytes(key.user.id) };
    const named = (list) => list.map((held) => ({ ...held, id: bytes(held.id) }));
    if (key.excludeCredentials) options.excludeCredentials = named(key.excludeCredentials);
    if (key.allowCredentials) options.allowCredentials = named(key.allowCredentials);
    return options;
  };

  const write = (credential) => {
    const given = credential.response;
    const textOf = (buffer) => (buffer ? text(buffer) : undefined);
    // What is undefined does not stand in the JSON.
    const response = {
      clientDataJSON: text(given.clientDataJSON),
      attestationObject: textOf(given.attestationObject),
      authenticatorData: textOf(given.authenticatorData),
      signature: textOf(given.signature),
      userHandle: textOf(given.userHandle),
      transports: given.getTransports?.(),
    };
    return {
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response,
      authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
    };
  };

  for (const form of document.querySelectorAll("form[data-webauthn]")) {
    const fault = form.querySelector("[data-fault]");
    let asking = false;

    // One question at a time: a second press while the browser asks is the same press.
    const ask = async () => {
      if (asking) return;
      asking = true;
      if (fault) fault.hidden = true;
      try {
        const publicKey = read(JSON.parse(form.dataset.webauthn));
        const credential = "make" in form.dataset
          ? await navigator.credentials.create({ publicKey })
          : await navigator.credentials.get({ publicKey });
        form.elements.credential.value = JSON.stringify(write(credential));
        form.requestSubmit();
      } catch {
        if (fault) fault.hidden = false;
      } finally {
        asking = false;
      }
    };

    form.hidden = false;
    form.addEventListener("submit", (event) => {
      if (form.elements.credential.value) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      ask();
    });
    // A page that comes back has an answer that was taken already.
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) form.elements.credential.value = "";
    });
    if ("start" in form.dataset) ask();
  }
})();
