/**
 * Hides a page until its variants are applied, so that no visitor sees the control first.
 * @module
 */

/**
 * The snippet, to be written into `<head>` before everything that is visible. `client.show()` shows
 * the page, and so does the end of the limit.
 * @param {number} [limit] Longest time that the page is hidden, in milliseconds.
 */
export function snippet(limit = 500) {
  return `<script>(function(l,s){s.textContent="html{opacity:0!important}";document.head.appendChild(s);\
abtest={until:performance.now()+l,show:function(){s.remove()}};setTimeout(abtest.show,l)})\
(${Number(limit)},document.createElement("style"))</script>`;
}
