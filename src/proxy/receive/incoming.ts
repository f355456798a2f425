// Requests over HTTP/1.1 whose headers are put together faster than by Node itself. Leaves odd ones to Node's own way.
import { IncomingMessage } from "node:http";
import { asMemberName } from "../headers.ts";

/** A name as clients write it. */
interface Name {
	/** In lower case. */
	readonly lower: string;
	/** The last request that had it. */
	seen: number;
}

/** Clients write few names, each many times. */
const names = new Map<string, Name>();
const MOST_REMEMBERED = 512;
const LONGEST_REMEMBERED = 100;

const READ = Symbol("headers");

/** For `createServer`. `headers` is what Node's would be; where a name occurs twice Node decides what that means. */
export class GatewayRequest extends IncomingMessage {
	/** What `headers` gave. */
	[READ]: Record<string, string> | null | undefined;
}

const own = Object.getOwnPropertyDescriptor(IncomingMessage.prototype, "headers");

// An accessor there as here, which TypeScript does not know.
Object.defineProperty(GatewayRequest.prototype, "headers", {
	configurable: true,
	enumerable: own?.enumerable ?? true,
	get(this: GatewayRequest): unknown {
		if (this[READ] === undefined) this[READ] = distinct(this.rawHeaders);
		return this[READ] ?? own?.get?.call(this);
	},
	set(this: GatewayRequest, headers: unknown) {
		this[READ] = null;
		own?.set?.call(this, headers);
	},
});

let requests = 0;

/** Null where a name occurs twice, or is odd. */
function distinct(raw: readonly string[]): Record<string, string> | null {
	requests += 1;
	// Without a prototype the engine makes it the table at once that two dozen names would turn it into.
	const headers: Record<string, string> = Object.create(null);
	for (let i = 0; i + 1 < raw.length; i += 2) {
		const name = nameOf(raw[i] as string);
		if (name === null || name.seen === requests) return null;
		name.seen = requests;
		headers[name.lower] = raw[i + 1] as string;
	}
	return headers;
}

function nameOf(written: string): Name | null {
	const known = names.get(written);
	if (known !== undefined) return known;
	const lower = written.toLowerCase();
	// Two ways to write a name are one name.
	const same = lower === written ? undefined : nameOf(lower);
	if (same === null || names.size >= MOST_REMEMBERED || written.length > LONGEST_REMEMBERED || lower in {}) return null;
	const name = same ?? { lower: asMemberName(lower), seen: 0 };
	names.set(written, name);
	return name;
}
