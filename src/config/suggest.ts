// Finds the name somebody probably meant. Leaves the wording around it to the caller.

const MAX_DISTANCE = 2;

/** The candidate nearest to `name`: at most two typing slips away, or a completion or truncation of it. null = nothing near. */
export function nearest(name: string, candidates: Iterable<string>): string | null {
	const wanted = name.toLowerCase();
	let best: string | null = null;
	let bestDistance = MAX_DISTANCE + 1;
	let completion: string | null = null;
	for (const candidate of candidates) {
		const other = candidate.toLowerCase();
		// In a name of three letters two slips would match nearly anything.
		const limit = Math.min(MAX_DISTANCE, Math.floor(Math.max(wanted.length, other.length) / 3));
		const distance = slips(wanted, other);
		if (distance <= limit && distance < bestDistance) {
			best = candidate;
			bestDistance = distance;
		}
		if (completion === null && wanted.length >= 3 && other.length >= 3) {
			if (other.startsWith(wanted) || wanted.startsWith(other)) completion = candidate;
		}
	}
	return best ?? completion;
}

/** `Did you mean 'x'?`, or an empty text. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
	const found = nearest(name, candidates);
	return found === null ? "" : `Did you mean '${found}'?`;
}

/** Insertions, deletions, replacements and swaps of neighbours between two texts (optimal string alignment). */
function slips(a: string, b: string): number {
	if (Math.abs(a.length - b.length) > MAX_DISTANCE) return MAX_DISTANCE + 1;
	let beforeLast: number[] = [];
	let last = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
			let least = Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced);
			if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
				least = Math.min(least, at(beforeLast, j - 2) + 1);
			}
			row.push(least);
		}
		beforeLast = last;
		last = row;
	}
	return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
	return row[index] ?? Number.POSITIVE_INFINITY;
}
