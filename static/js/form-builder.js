// After a button of the builder, the keyboard goes on at the block it was about.
const block = location.hash && document.getElementById(location.hash.slice(1));
if (block) block.focus();
