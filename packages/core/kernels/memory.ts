/** A kernel's memory: what is allocated stays until everything is forgotten at once. Memory itself never shrinks. */

let next: usize = __heap_base;

/** Forgets everything. */
export function forgetAll(): void { next = __heap_base; }

/** Room that begins at a cache line; what is allocated next lies right behind it when `bytes` is a multiple of 64. */
export function allocate(bytes: usize): usize {
  const at = (next + 63) & ~63;
  next = at + bytes;
  const pages = <i32>((next + 0xffff) >>> 16);
  const have = memory.size();
  if (pages > have && memory.grow(pages - have) < 0) unreachable();
  return at;
}
