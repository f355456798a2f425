// One set of AWS credentials in memory: loaded on first use, once for all that wait, renewed before it ends, and whose account it is.
// Leaves where credentials come from to aws-credentials and signing to aws-signature.
import { CredentialError } from "./credential-error.ts";

export interface AwsCredentials {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken?: string;
	/** When they end; absent = never. */
	readonly expiration?: Date;
	/** Twelve digits, where the source said it. */
	readonly accountId?: string;
}

export interface AwsAccountOptions {
	/** Where they come from, for messages: `profile account-1`. */
	readonly name: string;
	/** Gets them anew; rejects with what went wrong. */
	readonly load: () => Promise<AwsCredentials>;
	/** Asks whose they are; null = not known. Asked once a set, off the request path, where `load` did not say it. */
	readonly whose: (credentials: AwsCredentials) => Promise<string | null>;
	/** ms since epoch. */
	readonly now: () => number;
}

/** Left to live, ms, when a renewal begins beside running requests, and when requests wait for it. */
const RENEW_BEFORE_MS = 300_000;
const WAIT_BEFORE_MS = 60_000;
/** Between two renewals of credentials that still hold, ms: some sources give short-lived ones only. */
const RENEW_PAUSE_MS = 10_000;
/** Longest a source may take, ms. */
const LOAD_TIMEOUT_MS = 30_000;

export class AwsAccount {
	readonly #options: AwsAccountOptions;
	#credentials: AwsCredentials | null = null;
	#loading: Promise<AwsCredentials> | null = null;
	#loadedAt = Number.NEGATIVE_INFINITY;
	#id: string | null = null;

	constructor(options: AwsAccountOptions) {
		this.#options = options;
	}

	/** The account's twelve digits, once known. */
	get id(): string | null {
		return this.#id;
	}

	/** Credentials that hold for at least a minute, where the source gives such. Rejects with CredentialError. */
	credentials(): AwsCredentials | Promise<AwsCredentials> {
		const known = this.#credentials;
		if (known === null) return this.#load();
		if (known.expiration === undefined) return known;
		const now = this.#options.now();
		const leftMs = known.expiration.getTime() - now;
		if (leftMs > RENEW_BEFORE_MS) return known;
		if (leftMs > WAIT_BEFORE_MS) {
			if (now - this.#loadedAt >= RENEW_PAUSE_MS) this.#load().catch(() => {});
			return known;
		}
		// Those that still hold serve while none better can be had.
		return this.#load().catch((error: unknown) => {
			if (known.expiration !== undefined && known.expiration.getTime() > this.#options.now()) return known;
			throw error;
		});
	}

	/** The upstream refused these credentials: the next request gets them anew. Those that were loaded since are kept. */
	refused(accessKeyId: string): void {
		if (this.#credentials?.accessKeyId === accessKeyId) this.#credentials = null;
	}

	#load(): Promise<AwsCredentials> {
		this.#loading ??= this.#begin().finally(() => {
			this.#loading = null;
		});
		return this.#loading;
	}

	async #begin(): Promise<AwsCredentials> {
		const { load, now, name } = this.#options;
		this.#loadedAt = now();
		let credentials: AwsCredentials;
		try {
			credentials = await withTimeout(load());
		} catch (error) {
			if (error instanceof CredentialError) throw error;
			throw new CredentialError(`${name} gave none: ${reasonOf(error)}`, { cause: error });
		}
		this.#credentials = credentials;
		this.#learnWhose(credentials);
		return credentials;
	}

	#learnWhose(credentials: AwsCredentials): void {
		if (credentials.accountId !== undefined) this.#id = credentials.accountId;
		if (this.#id !== null) return;
		this.#options.whose(credentials).then(
			(id) => {
				this.#id ??= id;
			},
			// Not every caller may ask, and nothing depends on it but who shares a cache.
			() => {},
		);
	}
}

function withTimeout(loading: Promise<AwsCredentials>): Promise<AwsCredentials> {
	return new Promise((resolve, reject) => {
		const late = () => reject(new Error(`no answer within ${LOAD_TIMEOUT_MS / 1000} s`));
		const timer = setTimeout(late, LOAD_TIMEOUT_MS);
		timer.unref();
		loading.then(resolve, reject).finally(() => clearTimeout(timer));
	});
}

/** What a source said, on one line. A failed command is not quoted: its arguments may be secret. */
function reasonOf(error: unknown): string {
	const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
	if (line.startsWith("Command failed")) return "its credential_process failed; run it by hand to see why.";
	return line.slice(0, 400);
}
