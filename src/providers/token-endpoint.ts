// OAuth 2 token requests (RFC 6749 §4.4, RFC 7523): one form, one answer. Leaves keeping the token to providers/bearer.
import type { Token } from "./bearer.ts";
import { messageOf } from "./bearer.ts";
import { CredentialError } from "./credential-error.ts";

/** Longest wait for a token, ms. */
const TIMEOUT_MS = 10_000;
/** For issuers that do not say how long a token lives, s (RFC 6749 §5.1 leaves it out as an option). */
const DEFAULT_LIFE_S = 3_000;

export interface TokenRequest {
	readonly url: string;
	readonly form: Readonly<Record<string, string>>;
	/** Begins error messages: which options the credentials came from. */
	readonly subject: string;
	/** ms since epoch. */
	readonly now: () => number;
}

/** Rejects with a CredentialError that repeats the issuer's reason, never what was sent. */
export async function requestToken({ url, form, subject, now }: TokenRequest): Promise<Token> {
	const askedAt = now();
	const { status, body } = await post(url, form, subject);
	const token = body["access_token"];
	if (status !== 200 || typeof token !== "string" || token === "") {
		const reason = [body["error"], body["error_description"]].filter((part) => typeof part === "string").join(": ");
		throw new CredentialError(
			`${subject}: ${new URL(url).host} gave no token (HTTP ${status}${reason === "" ? "" : `, ${firstLine(reason)}`}). Check that the credentials are current and allowed to sign in.`,
		);
	}
	const life = Number(body["expires_in"] ?? DEFAULT_LIFE_S);
	return { value: token, expiresAt: askedAt + (Number.isFinite(life) ? life : DEFAULT_LIFE_S) * 1000 };
}

async function post(
	url: string,
	form: Readonly<Record<string, string>>,
	subject: string,
): Promise<{ status: number; body: Record<string, unknown> }> {
	let response: Response;
	try {
		// A redirect would send the credentials elsewhere.
		const options = { method: "POST", redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) } as const;
		response = await fetch(url, { ...options, body: new URLSearchParams(form) });
	} catch (cause) {
		const reason = cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : messageOf(cause);
		throw new CredentialError(`${subject}: ${new URL(url).host} cannot be reached for a token (${reason}).`);
	}
	const body: unknown = await response.json().catch(() => null);
	const isObject = typeof body === "object" && body !== null;
	return { status: response.status, body: isObject ? (body as Record<string, unknown>) : {} };
}

/** Entra's descriptions go on with trace ids and times. */
function firstLine(text: string): string {
	return (text.split(/[\r\n]/, 1)[0] ?? "").slice(0, 300);
}
