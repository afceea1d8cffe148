// After a button of the builder, the keyboard goes on at the block it was about.
const block = location.hash && document.getElementById(location.hash.slice(1));
if (block) block.focus();

// A picture that was chosen is that of its block; words that somebody wrote for it stay.
document.addEventListener("picture", ({ target, detail }) => {
  const url = document.getElementById(`${target.dataset.block}-url`);
  const alt = document.getElementById(`${target.dataset.block}-alt`);
  if (!alt.value || alt.value === alt.dataset.chosen) alt.value = detail.alt;
  alt.dataset.chosen = detail.alt;
  url.value = detail.path;
  url.dispatchEvent(new Event("input", { bubbles: true }));
  const shown = document.getElementById(`${target.dataset.block}-shown`);
  shown.src = detail.path;
  shown.alt = detail.alt;
  shown.hidden = false;
  target.focus();
});
