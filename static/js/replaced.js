// A request that a newer one replaced (hx-sync) is no error: it ends quietly, as an answer without content.
document.addEventListener("htmx:before:request", (event) => {
  const ctx = event.detail.ctx;
  const fetching = ctx.fetch ?? window.fetch.bind(window);
  const began = performance.now();
  ctx.fetch = async (...asked) => {
    try {
      return await fetching(...asked);
    } catch (error) {
      // htmx ends what takes too long in the same way; that is to be told.
      const late = performance.now() - began >= (ctx.request.timeout || 60000) - 100;
      if (error.name !== "AbortError" || late) throw error;
      return new Response(null, { status: 204 });
    }
  };
});
