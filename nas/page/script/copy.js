// Texts to copy, each with a button; where a browser keeps its clipboard shut, the text is selected instead.

function lineToCopy(text) {
  const line = element("code", { tabindex: "0", role: "region", "aria-label": "a line to copy" }, text);
  return element("div", { class: "copy" }, line, copyButton(text, line));
}

// The button that copies a text, which stands in a box.
function copyButton(text, box) {
  const button = element("button", { type: "button", class: "quiet" }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(box);
      button.textContent = "selected";
    }
    setTimeout(() => (button.textContent = "copy"), 2000);
  });
  return button;
}
