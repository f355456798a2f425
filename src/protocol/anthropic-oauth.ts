// OAuth tokens of the Anthropic API (`claude setup-token`, subscriptions): how they differ from keys and what a request needs beside one.

/** Without it the API answers 401 "OAuth authentication is currently not supported" (BerriAI/litellm#19618; Claude Code sends it itself). */
const OAUTH_BETA = "oauth-2025-04-20";

/** Keys begin with `sk-ant-api` or `sk-ant-admin`. */
export function isOAuthToken(credential: string): boolean {
	return credential.startsWith("sk-ant-oat");
}

/** A value of `anthropic-beta` with the OAuth one in it. */
export function withOAuthBeta(betas: string): string {
	const list = betas.split(",").map((beta) => beta.trim());
	if (list.includes(OAUTH_BETA)) return betas;
	return betas.trim() === "" ? OAUTH_BETA : `${betas},${OAUTH_BETA}`;
}

/** What of a request says which betas it wants. */
interface Betas {
	/** name, value, name, value. */
	readonly headers: readonly string[];
	readonly betas: readonly string[];
}

/** The same request with the OAuth beta among its own. */
export function askingForOAuth<Request extends Betas>(request: Request): Request {
	const headers: string[] = [];
	let isAdded = false;
	for (let i = 0; i + 1 < request.headers.length; i += 2) {
		const name = request.headers[i] as string;
		const value = request.headers[i + 1] as string;
		const isBeta = !isAdded && name.toLowerCase() === "anthropic-beta";
		if (isBeta) isAdded = true;
		headers.push(name, isBeta ? withOAuthBeta(value) : value);
	}
	if (!isAdded) headers.push("anthropic-beta", OAUTH_BETA);
	const betas = request.betas.includes(OAUTH_BETA) ? request.betas : [...request.betas, OAUTH_BETA];
	return { ...request, headers, betas };
}
