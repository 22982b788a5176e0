// A form whose answer takes a while says so, and is sent once.
for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button:not([type=button])");
    button.disabled = true;
    button.textContent = form.dataset.busy;
  });
}
// back from the next page, the form can be sent again
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
