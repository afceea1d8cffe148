// Says when the connection is gone. What could not be saved stays in its form.
const line = document.getElementById("offline");
const tell = () => {
  if (line) line.hidden = navigator.onLine;
};
window.addEventListener("online", tell);
window.addEventListener("offline", tell);
tell();
