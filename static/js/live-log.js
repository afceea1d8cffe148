// The log goes on by itself until somebody pauses it, or reads an older page.
const log = document.getElementById("log");
const paused = document.getElementById("paused");
const older = new URLSearchParams(window.location.search).has("cursor");

if (older) paused.checked = true;
setInterval(() => {
  const held = paused.checked || document.hidden || log.contains(document.activeElement);
  if (!held) htmx.trigger(log, "again");
}, 2000);
