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
    for (const list of ["excludeCredentials", "allowCredentials"]) {
      if (key[list]) options[list] = key[list].map((held) => ({ ...held, id: bytes(held.id) }));
    }
    return options;
  };

  const write = (credential) => {
    const response = { clientDataJSON: text(credential.response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
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
