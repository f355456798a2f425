// JSON text of a value however deep it is nested: `JSON.stringify` recurses, and a model can be made to write what overflows its stack. And
// where JSON ends. Leaves how deep a client's own body may be to prompt/scan.

/** A container that is being written. */
interface Open {
	readonly close: string;
	/** What stands before a value (`"name":`, or nothing in a list), and the value. */
	readonly entries: readonly (readonly [string, unknown])[];
	at: number;
}

/** What `JSON.stringify` gives for parsed JSON and drafts of it; never a RangeError for its nesting. */
export function jsonText(value: unknown): string {
	try {
		return JSON.stringify(value) ?? "null";
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
		return deepText(value);
	}
}

function deepText(root: unknown): string {
	const out: string[] = [];
	const open: Open[] = [];
	begin(root, out, open);
	for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
		const entry = top.entries[top.at];
		if (entry === undefined) {
			out.push(top.close);
			open.pop();
			continue;
		}
		out.push(top.at === 0 ? "" : ",", entry[0]);
		top.at += 1;
		begin(entry[1], out, open);
	}
	return out.join("");
}

/** Writes a plain value, or a container's first character. */
function begin(value: unknown, out: string[], open: Open[]): void {
	if (Array.isArray(value)) {
		out.push("[");
		open.push({ close: "]", entries: value.map((each: unknown) => ["", each] as const), at: 0 });
	} else if (typeof value === "object" && value !== null) {
		const sent = Object.entries(value).filter(([, member]) => member !== undefined);
		out.push("{");
		open.push({
			close: "}",
			entries: sent.map(([name, member]) => [`${JSON.stringify(name)}:`, member] as const),
			at: 0,
		});
	} else out.push(JSON.stringify(value) ?? "null");
}

const WHITE_SPACE = 0x20;
const CLOSE_OBJECT = 0x7d;

/** Whether these bytes may be the last of an object. */
export function endsObject(bytes: Buffer): boolean {
	let at = bytes.length - 1;
	while (at >= 0 && (bytes[at] as number) <= WHITE_SPACE) at -= 1;
	return bytes[at] === CLOSE_OBJECT;
}

/** Whether these bytes are one whole value. */
export function isJson(bytes: Buffer): boolean {
	try {
		JSON.parse(bytes.toString("utf8"));
		return true;
	} catch {
		return false;
	}
}
