// Toasts go after eight seconds unless they hold an action; an error of the server becomes one.
const box = document.getElementById("toasts");

function arm(toast) {
  if (toast.dataset.armed) return;
  toast.dataset.armed = "1";
  if (toast.dataset.toast !== "stay") setTimeout(() => toast.remove(), 8000);
}

export function fail(text) {
  const toast = document.getElementById("toast-error")?.content.firstElementChild.cloneNode(true);
  if (!toast || !box) return;
  if (text) toast.querySelector("[data-text]").textContent = text;
  box.append(toast);
}

if (box) {
  box.querySelectorAll("[data-toast]").forEach(arm);
  new MutationObserver(() => box.querySelectorAll("[data-toast]").forEach(arm)).observe(box, { childList: true });
  box.addEventListener("click", (event) => event.target.closest("[data-toast-close]")?.parentElement.remove());
  document.addEventListener("htmx:response:error", (event) => {
    const response = event.detail?.ctx?.response;
    const status = response?.status ?? 0;
    if (status === 409 || status === 422) return;
    const id = response?.raw?.headers?.get("X-Request-Id") ?? response?.headers?.get?.("X-Request-Id");
    const words = document.getElementById("toast-error")?.content.querySelector("[data-text]").textContent;
    fail(id ? `${words} (${status}, ${id})` : words);
  });
  document.addEventListener("htmx:error", (event) => {
    // A request that a newer one replaced has not failed.
    if (event.detail?.error?.name !== "AbortError") fail();
  });
}
