// What people do in the bank's windows, by what they read there.

const label = (page, text) => page.getByLabel(text, { exact: true });
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
const follow = (page, name) => page.getByRole("link", { name }).first().click();

const signOutButton = (page) => page.getByRole("button", { name: "Sign out" });
const stepUp = (page) => page.getByRole("heading", { name: "Confirm that it is you" });
const recoveryCodes = (page) => page.getByRole("heading", { name: "Your recovery codes" });
const keyButton = (page) => page.getByRole("button", { name: "Use a security key or passkey" });

export async function signIn(stage, page, person, { door = "/sign-in" } = {}) {
  await page.goto(door);
  await givePassword(page, person);
  if (person.totp_secret) await giveCode(stage, page, person.totp_secret);
  await signOutButton(page).waitFor();
}

export async function givePassword(page, { email, password }) {
  await label(page, "E-mail").fill(email);
  await label(page, "Password").fill(password);
  await press(page, "Sign in");
}

export async function signOut(page) {
  await signOutButton(page).click();
  await page.waitForURL(/\/sign-in/);
}

export async function giveCode(stage, page, secret) {
  const field = label(page, "Code from your authenticator app");
  await field.waitFor();
  await field.fill(await stage.bank.code(secret));
  await press(page, "Confirm");
}

// Fills in the form, at the welcome page afterwards.
export async function signUp(page, { full_name: name, email, password }) {
  await page.goto("/sign-in");
  await follow(page, "Become a customer");
  await label(page, "Full name").fill(name);
  await label(page, "E-mail").fill(email);
  await label(page, "Password").fill(password);
  await press(page, "Create my sign-in");
  await signOutButton(page).waitFor();
}

// By the link that the demo's inbox has, in a window of its own.
export async function confirmAddress(stage, page) {
  const inbox = await stage.beside(page);
  await inbox.goto("/demo/inbox");
  await inbox.locator('a[href*="/confirm"]').first().click();
  await press(inbox, "This address is mine");
  await inbox.waitForURL(/done=email_confirmed/);
  await inbox.close();
}

// The password or the newest factor, where the bank asks for it before an act.
export async function proveIfAsked(stage, page, person, end) {
  const asked = stepUp(page);
  await asked.or(end).first().waitFor();
  if (await asked.isVisible()) await prove(stage, page, person);
  await end.first().waitFor();
}

export async function prove(stage, page, { totp_secret: secret, password, key }) {
  await stepUp(page).waitFor();
  if (key) return keyButton(page).click();
  if (secret) return giveCode(stage, page, secret);
  await label(page, "Your password").fill(password);
  return press(page, "Confirm");
}

// Gives the secret that the page shows to who has no camera.
export async function addAuthenticator(stage, page, person) {
  await page.goto("/security");
  await follow(page, "Add a second factor");
  await press(page, "Set up Authenticator app");
  const code = label(page, "Code that the app shows now");
  await proveIfAsked(stage, page, person, code);
  const shown = await page.locator("main code").first().innerText();
  const secret = shown.replaceAll(/\s/g, "");
  await code.fill(await stage.bank.code(secret));
  await stage.picture(page, "authenticator");
  await press(page, "Confirm");
  const codes = await keepRecoveryCodes(stage, page);
  return { secret, codes };
}

async function keepRecoveryCodes(stage, page) {
  await recoveryCodes(page).waitFor();
  const codes = await page.locator(".codes li").allInnerTexts();
  await stage.picture(page, "recovery-codes");
  await follow(page, "I have kept them");
  await page.waitForURL(/\/security/);
  return codes;
}

// The first factor of somebody who has none. `kind`: `passkey` or `security_key`.
export async function addKey(stage, page, person, { kind, name }) {
  await page.goto("/security/factors/key");
  await page.locator(`input[name=kind][value=${kind}]`).check();
  await label(page, "Name").fill(name);
  await press(page, "Go on");
  // The browser's question comes by itself.
  await proveIfAsked(stage, page, person, recoveryCodes(page));
  await keepRecoveryCodes(stage, page);
}

// An authenticator of the browser's own, always touched and its PIN always given. A passkey also knows its person.
export async function withAuthenticator(page, { transport, isPasskey }) {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const options = {
    protocol: "ctap2",
    transport,
    hasResidentKey: isPasskey,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  await session.send("WebAuthn.addVirtualAuthenticator", { options });
}

// Fills in a payment to somebody new, up to its review.
export async function order(page, { from, number, name, amount, memo }) {
  await page.goto("/send");
  await label(page, "From").selectOption(from.id);
  await label(page, "Account number").fill(number);
  await label(page, "Name of the account's holder").fill(name);
  await label(page, "Amount").fill(amount);
  if (memo) await label(page, "Memo (optional)").fill(memo);
  await press(page, "Review");
  await sendButton(page).waitFor();
}

// Of the review page: it says how much.
export const sendButton = (page) => page.getByRole("button", { name: /^Send \S*\d/ });

export async function sendOrder(stage, page, person) {
  await sendButton(page).click();
  await proveIfAsked(stage, page, person, page.getByRole("heading", { name: "Money sent" }));
}

// An operator, at the console's first page.
export async function signInAtConsole(stage, page, operator, door = "/console/sign-in") {
  await page.goto(door);
  await label(page, "E-mail").fill(operator.email);
  await label(page, "Password").fill(operator.password);
  await press(page, "Go on");
  await label(page, "Code from your authenticator app").fill(await stage.bank.code(operator.totp_secret));
  await press(page, "Sign in");
  await signOutButton(page).waitFor();
}

// Opens an act of the console and does it: a fold with one button of the same name.
export async function act(page, name, fields = {}) {
  const fold = page.locator("details.act").filter({ has: page.locator("summary", { hasText: name }) }).first();
  await fold.locator("summary").click();
  for (const [field, value] of Object.entries(fields)) await fold.getByLabel(field, { exact: true }).fill(value);
  await fold.getByRole("button", { name, exact: true }).click();
}

// At the page of the one customer whom the operator finds by the whole e-mail.
export async function findCustomer(page, { email }) {
  await page.goto("/console/customers");
  await label(page, "Name, e-mail, telephone or id").fill(email);
  await press(page, "Find");
  await page.locator('main a[href^="/console/customers/cus_"]').first().click();
  await page.waitForURL(/\/console\/customers\/cus_/);
}
