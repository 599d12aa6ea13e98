/**
 * A disk as nodes and names, changed only by operations that can be recorded and applied again to another disk. That
 * is what lets the crash file system ask: what would be here, had only some of them reached the platter?
 *
 * An operation whose ground is missing (its directory was never made, the name leads elsewhere) changes nothing: a real
 * file system orders what depends on each other.
 */

import { type Digest, digestOf } from '../hash/digest.js';

export type NodeId = number;

export interface DirectoryEntry {
  readonly name: string;
  readonly node: NodeId;
}

export type DiskNode =
  | { readonly kind: 'file'; buffer: Uint8Array; length: number; mode: number; modifiedMs: number }
  | { readonly kind: 'directory'; readonly entries: Map<string, DirectoryEntry>; mode: number; modifiedMs: number }
  | { readonly kind: 'symlink'; readonly to: string; mode: number; modifiedMs: number };

export type NodeKind = DiskNode['kind'];

export interface Name {
  readonly directory: NodeId;
  readonly name: string;
}

export type DiskOperation =
  | {
      readonly kind: 'link';
      readonly at: Name;
      readonly node: NodeId;
      readonly nodeKind: NodeKind;
      readonly to?: string;
      readonly nowMs: number;
    }
  | { readonly kind: 'unlink'; readonly at: Name; readonly node: NodeId }
  | { readonly kind: 'unlink-directory'; readonly at: Name; readonly node: NodeId }
  | { readonly kind: 'rename'; readonly at: Name; readonly target: Name; readonly node: NodeId }
  | { readonly kind: 'write'; readonly node: NodeId; readonly offset: number; readonly chunk: Uint8Array; readonly nowMs: number }
  | { readonly kind: 'truncate'; readonly node: NodeId; readonly bytes: number; readonly nowMs: number }
  | { readonly kind: 'mode'; readonly node: NodeId; readonly mode: number };

const defaultModes: Record<NodeKind, number> = { file: 0o644, directory: 0o755, symlink: 0o777 };

export class MemoryDisk {
  static readonly root: NodeId = 0;
  readonly #nodes = new Map<NodeId, DiskNode>();

  constructor(readonly ignoresCase: boolean) {
    this.#nodes.set(MemoryDisk.root, makeNode('directory', 0));
  }

  node(id: NodeId): DiskNode | undefined {
    return this.#nodes.get(id);
  }

  lookup(directory: NodeId, name: string): NodeId | undefined {
    const node = this.#nodes.get(directory);
    return node?.kind === 'directory' ? node.entries.get(this.#key(name))?.node : undefined;
  }

  /** Names in a directory, in code unit order. */
  names(directory: NodeId): readonly string[] {
    const node = this.#nodes.get(directory);
    return node?.kind === 'directory' ? [...node.entries.values()].map((entry) => entry.name).sort() : [];
  }

  /** Bytes of all files that a name leads to. */
  usedBytes(from: NodeId = MemoryDisk.root): number {
    const node = this.#nodes.get(from);
    if (node?.kind === 'file') return node.length;
    if (node?.kind !== 'directory') return 0;
    let sum = 0;
    for (const entry of node.entries.values()) sum += this.usedBytes(entry.node);
    return sum;
  }

  clone(): MemoryDisk {
    const copy = new MemoryDisk(this.ignoresCase);
    for (const [id, node] of this.#nodes) {
      if (node.kind === 'file') copy.#nodes.set(id, { ...node, buffer: node.buffer.slice(0, node.length) });
      else if (node.kind === 'directory') copy.#nodes.set(id, { ...node, entries: new Map(node.entries) });
      else copy.#nodes.set(id, { ...node });
    }
    return copy;
  }

  /** Everything below a name that a program can read: the same for disks that none can tell apart. */
  fingerprint(from: NodeId = MemoryDisk.root): Digest {
    const node = this.#nodes.get(from);
    const read = { kind: node?.kind, mode: node?.mode, modifiedMs: node?.modifiedMs };
    if (node?.kind === 'file') return digestOf(JSON.stringify([read, digestOf(node.buffer.subarray(0, node.length))]));
    if (node?.kind !== 'directory') return digestOf(JSON.stringify([read, node?.to]));
    const names = [...node.entries.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
    return digestOf(JSON.stringify([read, names.map(({ name, node: below }) => [name, this.fingerprint(below)])]));
  }

  /** @returns whether it changed anything. */
  apply(operation: DiskOperation): boolean {
    switch (operation.kind) {
      case 'link':
        return this.#link(operation);
      case 'unlink':
      case 'unlink-directory':
        return this.#unlink(operation);
      case 'rename':
        return this.#rename(operation);
      case 'write':
        return this.#write(operation);
      case 'truncate':
        return this.#truncate(operation);
      case 'mode': {
        const node = this.#nodes.get(operation.node);
        if (node !== undefined) node.mode = operation.mode;
        return node !== undefined;
      }
    }
  }

  #key(name: string): string {
    return this.ignoresCase ? name.toLowerCase() : name;
  }

  /** The entries of a directory into which `name` may be put: it is free, or leads to something that is not a directory. */
  #entriesFor({ directory, name }: Name): Map<string, DirectoryEntry> | null {
    const parent = this.#nodes.get(directory);
    if (parent?.kind !== 'directory') return null;
    const present = parent.entries.get(this.#key(name));
    return present !== undefined && this.#nodes.get(present.node)?.kind === 'directory' ? null : parent.entries;
  }

  #link(operation: DiskOperation & { kind: 'link' }): boolean {
    const entries = this.#entriesFor(operation.at);
    if (entries === null) return false;
    this.#nodes.set(operation.node, makeNode(operation.nodeKind, operation.nowMs, operation.to));
    entries.set(this.#key(operation.at.name), { name: operation.at.name, node: operation.node });
    return true;
  }

  #unlink(operation: DiskOperation & { kind: 'unlink' | 'unlink-directory' }): boolean {
    const parent = this.#nodes.get(operation.at.directory);
    const key = this.#key(operation.at.name);
    if (parent?.kind !== 'directory' || parent.entries.get(key)?.node !== operation.node) return false;
    const node = this.#nodes.get(operation.node);
    if (node?.kind === 'directory' && node.entries.size > 0) return false;
    parent.entries.delete(key);
    if (node?.kind === 'directory') this.#nodes.delete(operation.node);
    return true;
  }

  #rename(operation: DiskOperation & { kind: 'rename' }): boolean {
    const parent = this.#nodes.get(operation.at.directory);
    const key = this.#key(operation.at.name);
    const targetKey = this.#key(operation.target.name);
    if (parent?.kind !== 'directory' || parent.entries.get(key)?.node !== operation.node) return false;
    const isRespelling = operation.at.directory === operation.target.directory && key === targetKey;
    const entries = isRespelling ? parent.entries : this.#entriesFor(operation.target);
    if (entries === null) return false;
    parent.entries.delete(key);
    entries.set(targetKey, { name: operation.target.name, node: operation.node });
    return true;
  }

  #write(operation: DiskOperation & { kind: 'write' }): boolean {
    const node = this.#nodes.get(operation.node);
    if (node?.kind !== 'file') return false;
    const end = operation.offset + operation.chunk.length;
    if (end > node.buffer.length) {
      const grown = new Uint8Array(Math.max(end, node.buffer.length * 2));
      grown.set(node.buffer.subarray(0, node.length));
      node.buffer = grown;
    }
    node.buffer.set(operation.chunk, operation.offset);
    node.length = Math.max(node.length, end);
    node.modifiedMs = operation.nowMs;
    return true;
  }

  #truncate(operation: DiskOperation & { kind: 'truncate' }): boolean {
    const node = this.#nodes.get(operation.node);
    if (node?.kind !== 'file') return false;
    const resized = new Uint8Array(operation.bytes);
    resized.set(node.buffer.subarray(0, Math.min(node.length, operation.bytes)));
    node.buffer = resized;
    node.length = operation.bytes;
    node.modifiedMs = operation.nowMs;
    return true;
  }
}

function makeNode(kind: NodeKind, modifiedMs: number, to = ''): DiskNode {
  const mode = defaultModes[kind];
  if (kind === 'file') return { kind, buffer: new Uint8Array(0), length: 0, mode, modifiedMs };
  if (kind === 'directory') return { kind, entries: new Map(), mode, modifiedMs };
  return { kind, to, mode, modifiedMs };
}
