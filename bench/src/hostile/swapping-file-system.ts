import { type FileSystem, nodeFileSystem } from '@remendo/core';

type Handle = Awaited<ReturnType<FileSystem['open']>>;

/** Downloads are other files, full of zeros, from their n-th opening for reading on: what somebody puts there in between. */
export function swappingFileSystem(opening: number): FileSystem {
  const openings = new Map<string, number>();
  const disk = nodeFileSystem();
  return replacing(disk, {
    async open(path: string, mode: Parameters<FileSystem['open']>[1]) {
      const handle = await disk.open(path, mode);
      if (mode !== 'read' || !/[/\\]downloads[/\\]/.test(path)) return handle;
      // While it arrives it has another name.
      const name = path.replace(/\.part$/, '');
      const count = (openings.get(name) ?? 0) + 1;
      openings.set(name, count);
      return count < opening ? handle : zerosLike(handle);
    },
  });
}

const zerosLike = (handle: Handle): Handle =>
  replacing(handle, {
    async read(offset: number, into: Uint8Array) {
      const length = Math.max(0, Math.min(into.length, handle.bytes - offset));
      into.fill(0, 0, length);
      return length;
    },
  });

/** The same object but for some methods; those of the others see the object itself. */
function replacing<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get(target, name) {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
