// A client's own body before anything parses it, in formats that are translated: JSON, UTF-8, depth, and members of which two readers
// could take different ones. Bodies of the Messages API are read by prompt/outline under the same rules.
import { GatewayError } from "../errors.ts";
import type { Kernel } from "./kernel.ts";
import { MemberReader } from "./members.ts";
import { decodeString } from "./words.ts";

const OPEN_OBJECT = 0x7b;
/** So much of a name is repeated in an error. */
const MOST_NAME = 64;

/**
 * Names of one body's top level. Parsers differ in which of two equal names they take, and some in whether case counts (Go's encoding/json,
 * and servers written with it, take `Model` for `model`).
 */
export class TopLevelNames {
	readonly #seen = new Set<string>();

	/** Takes in the member whose key was just read; refuses one that has been there, or is `model` in another spelling. */
	add(name: string, members: MemberReader): void {
		const lower = name.toLowerCase();
		if (lower === "model" && name !== lower) {
			members.refuse(name, "Field is spelled 'model'");
		} else if (this.#seen.has(lower)) {
			members.refuse(name.slice(0, MOST_NAME), "Field occurs twice in one object");
		}
		this.#seen.add(lower);
	}
}

/**
 * Throws GatewayError `invalid_json` for what is no JSON text in UTF-8, `body_too_deep`, and `invalid_field` for what is no object or names
 * a top-level member twice. After it the body can be parsed by anyone.
 */
export function checkBody(
	body: Buffer,
	{ kernel, maxDepth }: { readonly kernel: Kernel; readonly maxDepth: number },
): void {
	const members = new MemberReader(body, kernel, { maxDepth, gap: null });
	const { scan } = members;
	if (scan.peek() !== OPEN_OBJECT) {
		members.refuse("body", "Input should be an object");
		scan.skip(0);
	} else if (scan.openObject(1)) {
		const names = new TopLevelNames();
		do {
			scan.key();
			names.add(decodeString(body, scan.from, scan.to), members);
			scan.skip(1);
		} while (scan.nextMember());
	}
	scan.end();
	if (members.fault !== null) throw new GatewayError("invalid_field", { ...members.fault });
}
