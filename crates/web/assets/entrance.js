// Passwords that can be seen while they are typed.
(() => {
  for (const form of document.querySelectorAll("form[data-reveal]")) {
    for (const input of form.querySelectorAll("input[type=password]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet reveal";
      button.setAttribute("aria-controls", input.id);
      const say = () => {
        button.textContent = input.type === "password" ? form.dataset.reveal : form.dataset.hide;
      };
      button.addEventListener("click", () => {
        input.type = input.type === "password" ? "text" : "password";
        say();
      });
      // What goes to the browser's store of passwords, and to a page found again, is a password.
      form.addEventListener("submit", () => {
        input.type = "password";
        say();
      });
      say();
      input.after(button);
    }
  }
})();
