// A bearer token that is renewed before it expires: one request for many waiting calls. Leaves how a token is had to its caller.

/** A token as its issuer gave it. */
export interface Token {
	readonly value: string;
	/** ms since epoch, by the clock that was given. */
	readonly expiresAt: number;
}

/** Renewed in the background from here on, before its end, ms: longer than a token request takes, retries included. */
const RENEW_MS = 5 * 60_000;
/** Not used any more so shortly before its end, ms: the call has to arrive and be admitted. */
const UNUSABLE_MS = 30_000;
/** A failed renewal is not tried again before, ms, while the token still serves. */
const RETRY_MS = 15_000;

export interface BearerOptions {
	/** Asks the issuer. Rejects with a CredentialError whose message holds no secret. */
	readonly request: () => Promise<Token>;
	/** ms since epoch. */
	readonly now: () => number;
	/** Called when a renewal in the background fails. */
	readonly warn: (message: string) => void;
}

/** Keeps one token. Nothing is asked before the first call. */
export class Bearer {
	readonly #options: BearerOptions;
	#token: Token | null = null;
	#pending: Promise<string> | null = null;
	#retryAt = 0;

	constructor(options: BearerOptions) {
		this.#options = options;
	}

	/** The token to send now; a promise only where it has to be waited for. Rejects as `request` does; the next call asks again. */
	get(): string | Promise<string> {
		const { now, warn } = this.#options;
		const at = now();
		const token = this.#token;
		if (token === null || at >= token.expiresAt - UNUSABLE_MS) return this.#renew();
		if (at >= token.expiresAt - RENEW_MS && this.#pending === null && at >= this.#retryAt) {
			this.#renew().catch((cause: unknown) => {
				this.#retryAt = now() + RETRY_MS;
				warn(`a token could not be renewed, the old one is still used: ${messageOf(cause)}`);
			});
		}
		return token.value;
	}

	/** The upstream refused this token: the next call asks for another. Nothing happens if it has been replaced already. */
	drop(value: string): void {
		if (this.#token?.value === value) this.#token = null;
	}

	#renew(): Promise<string> {
		this.#pending ??= this.#request();
		return this.#pending;
	}

	async #request(): Promise<string> {
		try {
			this.#token = await this.#options.request();
			return this.#token.value;
		} finally {
			this.#pending = null;
		}
	}
}

/** The text of whatever was thrown. */
export function messageOf(cause: unknown): string {
	return cause instanceof Error ? cause.message : String(cause);
}
