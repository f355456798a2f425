// How large a YAML document gets once its aliases are written out, found by counting: nothing is written out for it. Leaves reading to
// config/source.
import { isAlias, isMap, isPair, isScalar, isSeq, type Node } from "yaml";

/** What an alias stands for: the last node of that name before it. */
export type Anchors = ReadonlyMap<unknown, Node>;

export interface WrittenOut {
	/** By alias. Aliases without an anchor before them, or inside their own anchor, have no entry. */
	readonly anchors: Anchors;
	/** Nodes that aliases add. Stops being exact above `MOST_ADDED`. */
	readonly added: number;
	/** The alias with which it was too much, or the node that is too deep; null = neither. */
	readonly tooMuch: { readonly node: unknown; readonly why: "added" | "depth" } | null;
}

/** A thousand deployments that share twenty options each take 20,000; nested aliases of a few lines take billions. */
const MOST_ADDED = 50_000;
/** No option of a configuration stands deeper than ten. */
const MOST_DEPTH = 100;
/** A text counts as one node more for each of these many characters. */
const CHARACTERS_PER_NODE = 100;

/** Looks at every node that is written once, whatever the aliases amount to. */
export function countWrittenOut(root: unknown): WrittenOut {
	const named = new Map<string, { readonly node: Node; size: number | null }>();
	const anchors = new Map<unknown, Node>();
	let added = 0;
	let tooMuch: WrittenOut["tooMuch"] = null;

	/** Size of a node with its aliases written out. */
	function sizeOf(node: unknown, depth: number): number {
		if (tooMuch !== null) return 0;
		if (isPair(node)) return sizeOf(node.key, depth) + sizeOf(node.value, depth);
		if (isAlias(node)) {
			const anchor = named.get(node.source);
			if (anchor === undefined) return 1;
			anchors.set(node, anchor.node);
			// Still open: an alias to what it stands in, which the reader refuses.
			const size = anchor.size ?? 1;
			added += size;
			if (added > MOST_ADDED) tooMuch = { node, why: "added" };
			return size;
		}
		if (!isScalar(node) && !isMap(node) && !isSeq(node)) return 1;
		if (depth > MOST_DEPTH) tooMuch = { node, why: "depth" };
		const entry = { node, size: null as number | null };
		if (node.anchor !== undefined) named.set(node.anchor, entry);
		let size = 1;
		if (isScalar(node))
			size += typeof node.value === "string" ? Math.floor(node.value.length / CHARACTERS_PER_NODE) : 0;
		else for (const item of node.items) size += sizeOf(item, depth + 1);
		entry.size = size;
		return size;
	}

	sizeOf(root, 0);
	return { anchors, added, tooMuch };
}
