// Inside another site's page: says how high this form is, so that its frame fits.
const tell = () => parent.postMessage({ cauceFormHeight: document.documentElement.scrollHeight }, "*");
new ResizeObserver(tell).observe(document.body);
tell();
