// What each domain and deployment saw: a bounded ring of requests and the sums over them. Leaves deciding anything to others.
import type { IncomingHttpHeaders } from "node:http";

/** Tokens that a request really used; input as the provider bills it. */
interface RecordedUsage {
	readonly read: number;
	readonly write5m: number;
	readonly write1h: number;
	readonly uncached: number;
	readonly output: number;
}

/** One request as the simulated provider saw it. Times are the clock's milliseconds. */
export interface RecordedRequest {
	/** The answer's request-id. */
	readonly id: string;
	readonly at: number;
	readonly method: string;
	/** With the query string. */
	readonly path: string;
	/** Lower-case names; credentials are masked. */
	readonly headers: Readonly<Record<string, string>>;
	/** Null until the key was recognised. */
	readonly deployment: string | null;
	readonly domain: string | null;
	readonly bodyBytes: number;
	/** Hex. Of what was received. */
	readonly bodySha256: string;
	/** The body's text, when the simulator was told to keep it. */
	readonly body: string | null;
	readonly session: string | null;
	readonly agent: string | null;
	readonly model: string | null;
	readonly stream: boolean;
	/** Null: no head was ever sent. */
	readonly status: number | null;
	readonly usage: RecordedUsage | null;
	/** Kind of the fault that struck it. */
	readonly fault: string | null;
	/** The client left before the answer was complete. */
	readonly aborted: boolean;
	/** When the first event or the body was sent. */
	readonly firstByteAt: number | null;
	readonly endedAt: number | null;
}

/** A request that is still being answered. */
export type OpenRequest = { -readonly [Field in keyof RecordedRequest]: RecordedRequest[Field] };

/** Sums over requests. */
export interface RequestSums {
	readonly requests: number;
	/** By status; `none` counts those that never got a head. */
	readonly statuses: Readonly<Record<string, number>>;
	/** Answers with status 429. */
	readonly limited: number;
	readonly aborted: number;
	readonly faults: number;
	/** Streams that have begun and not ended. */
	readonly openStreams: number;
	readonly tokens: RecordedUsage;
}

interface OpenSums extends Omit<{ -readonly [Field in keyof RequestSums]: RequestSums[Field] }, "statuses" | "tokens"> {
	statuses: Record<string, number>;
	tokens: { -readonly [Field in keyof RecordedUsage]: number };
}

const SECRET_HEADERS = new Set([
	"x-api-key",
	"api-key",
	"authorization",
	"proxy-authorization",
	"cookie",
	"x-goog-api-key",
	"x-amz-security-token",
]);
const MASK = "***";

/** Keeps the last `capacity` requests and sums over all since the last reset. */
export class Journal {
	readonly #capacity: number;
	#ring: OpenRequest[] = [];
	#oldest = 0;
	readonly #open = new Set<OpenRequest>();
	#total = emptySums();
	readonly #deployments = new Map<string, OpenSums>();
	readonly #domains = new Map<string, OpenSums>();

	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	/** Begins a record; the caller fills it in and ends it with `finish`. */
	open(record: OpenRequest): void {
		this.#open.add(record);
		if (this.#capacity <= 0) return;
		if (this.#ring.length < this.#capacity) this.#ring.push(record);
		else {
			this.#ring[this.#oldest] = record;
			this.#oldest = (this.#oldest + 1) % this.#capacity;
		}
	}

	/** Ends a record and adds it to the sums. Ending it twice does nothing. */
	finish(record: OpenRequest, nowMs: number): void {
		if (!this.#open.delete(record)) return;
		record.endedAt = nowMs;
		for (const sums of this.#sumsOf(record)) add(sums, record);
	}

	/** The kept requests, oldest first. Those still open change until they end. */
	requests(): RecordedRequest[] {
		return [...this.#ring.slice(this.#oldest), ...this.#ring.slice(0, this.#oldest)];
	}

	/** Sums over everything, over one deployment, or over one domain. Requests count when they have ended. */
	sums(scope: { readonly deployment?: string; readonly domain?: string } = {}): RequestSums {
		const { deployment, domain } = scope;
		const sums =
			deployment !== undefined
				? this.#deployments.get(deployment)
				: domain !== undefined
					? this.#domains.get(domain)
					: this.#total;
		let openStreams = 0;
		for (const record of this.#open) {
			const inScope =
				(deployment === undefined || record.deployment === deployment) &&
				(domain === undefined || record.domain === domain);
			if (inScope && record.stream && record.firstByteAt !== null) openStreams += 1;
		}
		return { ...structuredClone(sums ?? emptySums()), openStreams };
	}

	/** Forgets all records and sums. Requests still open count when they end. */
	reset(): void {
		this.#ring = [];
		this.#oldest = 0;
		this.#total = emptySums();
		this.#deployments.clear();
		this.#domains.clear();
	}

	#sumsOf(record: OpenRequest): OpenSums[] {
		const sums = [this.#total];
		if (record.deployment !== null) sums.push(sumsIn(this.#deployments, record.deployment));
		if (record.domain !== null) sums.push(sumsIn(this.#domains, record.domain));
		return sums;
	}
}

/** Request headers as they are kept: repeated ones joined, credentials masked. */
export function maskHeaders(headers: IncomingHttpHeaders): Record<string, string> {
	const masked: Record<string, string> = {};
	for (const [name, value] of Object.entries(headers)) {
		if (value === undefined) continue;
		masked[name] = SECRET_HEADERS.has(name) ? MASK : Array.isArray(value) ? value.join(", ") : value;
	}
	return masked;
}

function sumsIn(map: Map<string, OpenSums>, key: string): OpenSums {
	let sums = map.get(key);
	if (sums === undefined) {
		sums = emptySums();
		map.set(key, sums);
	}
	return sums;
}

function emptySums(): OpenSums {
	return {
		requests: 0,
		statuses: {},
		limited: 0,
		aborted: 0,
		faults: 0,
		openStreams: 0,
		tokens: { read: 0, write5m: 0, write1h: 0, uncached: 0, output: 0 },
	};
}

function add(sums: OpenSums, record: OpenRequest): void {
	const status = String(record.status ?? "none");
	sums.requests += 1;
	sums.statuses[status] = (sums.statuses[status] ?? 0) + 1;
	if (record.status === 429) sums.limited += 1;
	if (record.aborted) sums.aborted += 1;
	if (record.fault !== null) sums.faults += 1;
	const { usage } = record;
	if (usage === null) return;
	sums.tokens.read += usage.read;
	sums.tokens.write5m += usage.write5m;
	sums.tokens.write1h += usage.write1h;
	sums.tokens.uncached += usage.uncached;
	sums.tokens.output += usage.output;
}
