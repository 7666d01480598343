// Lines to copy, each with a button; where a browser keeps its clipboard shut, the line is selected instead.

function lineToCopy(text) {
  const line = element("code", { tabindex: "0", role: "region", "aria-label": "a line to copy" }, text);
  const button = element("button", { type: "button", class: "quiet" }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(line);
      button.textContent = "selected";
    }
    setTimeout(() => (button.textContent = "copy"), 2000);
  });
  return element("div", { class: "copy" }, line, button);
}
