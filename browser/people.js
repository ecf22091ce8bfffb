// What people do in the bank's windows, by what they read there.

const AUTHENTICATOR = "Code from your authenticator app";

export async function signIn(stage, page, person, { door = "/sign-in" } = {}) {
  await page.goto(door);
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  if (person.totp_secret) await giveCode(stage, page, person.totp_secret);
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}

export async function giveCode(stage, page, secret) {
  const field = page.getByLabel(AUTHENTICATOR);
  await field.waitFor();
  await field.fill(await stage.bank.code(secret));
  await field.press("Enter");
}
