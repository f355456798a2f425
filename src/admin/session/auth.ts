// Who may use the control plane: keys in headers, the UI's signed cookie session, roles, and protection from other sites' pages.
// Leaves what belongs to whom to admin/session/roles and finding keys to the directory it is given.
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { getConnInfo } from "@hono/node-server/conninfo";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { GatewayError } from "../../errors.ts";
import { type Me, SESSION } from "../contract/session.ts";
import { type AdminEnv, type Handlers, type RequireRole, routes } from "../http/routes.ts";
import { createLoginLimit, type LoginLimit } from "./login-limit.ts";
import { atLeast, type Principal } from "./roles.ts";

export interface AuthDeps {
	/** Whose key these headers carry. Throws missing_credentials, invalid_credentials, key_blocked or key_expired. */
	readonly identify: (headers: IncomingHttpHeaders) => Principal;
	/** What a principal of this id is now, for sessions; null when it is gone, blocked or expired. */
	readonly principal: (id: string) => Principal | null;
	/** The mark of sessions that this principal opens now: another one once they are to end. null when it is gone. */
	readonly generation: (id: string) => string | null;
	/** Secret that signs sessions; the same on all replicas that share sessions. */
	readonly sessionSecret: () => Buffer;
	/** Sessions that were logged out, by their id, on any replica. */
	readonly isLoggedOut: (id: string) => boolean;
	/** `until` = when the session would have ended, ms since epoch. */
	readonly logOut: (session: { readonly id: string; readonly until: number }) => Promise<void>;
	/** false = no master key is configured: whoever reaches the loopback address is the admin. */
	readonly keyRequired: () => boolean;
	/** ms since epoch, by the wall clock. */
	readonly now: () => number;
	/** ms from any beginning, going forward evenly. */
	readonly steady: () => number;
}

export interface AdminAuth {
	readonly requireRole: RequireRole;
	/** The contract's SESSION. */
	readonly routes: Hono<AdminEnv>;
}

const COOKIE = "warmpath_session";
const SESSION_MS = 12 * 3_600_000;
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** Sessions are signed cookies; only those that are logged out are kept here, until they would have expired. */
export function createAdminAuth(deps: AuthDeps): AdminAuth {
	const requireRole: RequireRole = (role) => async (c, next) => {
		const principal = principalOf(c, deps);
		if (!atLeast(principal.role, role)) throw new GatewayError("forbidden", { role });
		if (!SAFE_METHODS.has(c.req.method) && (principal.readOnly || principal.role === "viewer")) {
			throw new GatewayError("forbidden", { role: "admin" });
		}
		c.set("principal", principal);
		c.header("cache-control", "no-store");
		await next();
	};
	const loginLimit = createLoginLimit(deps.steady);
	const handlers: Handlers<typeof SESSION> = {
		"POST /api/login": ({ body, c }) => meOf(logIn(c, body.key ?? body.password, { ...deps, loginLimit })),
		"POST /api/logout": async ({ c }) => {
			const session = getCookie(c, COOKIE);
			const claims = session === undefined ? null : readSession(session, deps.sessionSecret());
			if (claims !== null && claims.exp > deps.now()) await deps.logOut({ id: claims.jti, until: claims.exp });
			deleteCookie(c, COOKIE, { path: "/" });
			return { ok: true };
		},
		"GET /api/me": ({ principal }) => meOf(principal),
	};
	const sameSite: MiddlewareHandler = (c, next) => {
		requireSameSite(c);
		return next();
	};
	const app = new Hono<AdminEnv>().use("/api/login", sameSite).use("/api/logout", sameSite);
	return { requireRole, routes: app.route("/", routes(requireRole, SESSION, handlers)) };
}

/** Headers win over the cookie: a request that carries a key is no browser's by accident. */
function principalOf(c: Context, deps: AuthDeps): Principal {
	if (!deps.keyRequired()) {
		requireLocalHost(c);
		requireSameSite(c);
		return deps.identify({});
	}
	const headers = headersOf(c);
	const session = getCookie(c, COOKIE);
	if (session === undefined || carriesKey(headers)) return deps.identify(headers);
	requireSameSite(c);
	const claims = readSession(session, deps.sessionSecret());
	const principal = claims === null ? null : principalBehind(claims, deps);
	if (principal === null) throw new GatewayError("missing_credentials");
	return principal;
}

/** null when the session is over. */
function principalBehind({ sub, gen, exp, jti }: Claims, deps: AuthDeps): Principal | null {
	if (exp <= deps.now() || deps.isLoggedOut(jti) || gen !== deps.generation(sub)) return null;
	return deps.principal(sub);
}

/** Sets the cookie of a session of whose key it is. */
function logIn(c: Context, key: string | undefined, deps: AuthDeps & { readonly loginLimit: LoginLimit }): Principal {
	if (key === undefined || key === "") {
		throw new GatewayError("invalid_field", { field: "key", reason: 'Send {"key": "sk-…"}.' });
	}
	const source = addressOf(c);
	// In one step with the guess it counts, or many at once would all see the same last one.
	deps.loginLimit.check(source);
	let principal: Principal;
	try {
		principal = deps.identify({ authorization: `Bearer ${key}` });
	} catch (error) {
		deps.loginLimit.failed(source);
		throw error;
	}
	const expires = deps.now() + SESSION_MS;
	const gen = deps.generation(principal.id) ?? "";
	const claims = { sub: principal.id, gen, exp: expires, jti: randomBytes(12).toString("base64url") };
	setCookie(c, COOKIE, signSession(claims, deps.sessionSecret()), {
		httpOnly: true,
		sameSite: "Strict",
		path: "/",
		maxAge: SESSION_MS / 1000,
		secure: isHttps(c),
	});
	c.header("cache-control", "no-store");
	return principal;
}

function meOf({ role, readOnly, id, keyAlias, userId, teamIds }: Principal): Me {
	return { role, read_only: readOnly, id, key_alias: keyAlias, user_id: userId, teams: teamIds };
}

/** Request headers in the form that node:http gives them. */
function headersOf(c: Context): IncomingHttpHeaders {
	return Object.fromEntries(c.req.raw.headers);
}

function carriesKey(headers: IncomingHttpHeaders): boolean {
	return ["authorization", "x-api-key", "api-key", "x-litellm-api-key"].some((name) => headers[name] !== undefined);
}

/**
 * For requests that a browser could be made to send by another site's page: SameSite=Strict keeps the cookie from them, and this
 * keeps out what is left (no master key, sibling subdomains, log-in). Browsers cannot forge these headers.
 */
function requireSameSite(c: Context): void {
	if (SAFE_METHODS.has(c.req.method)) return;
	const site = c.req.header("sec-fetch-site");
	if (site !== undefined && site !== "same-origin" && site !== "none") {
		throw new GatewayError("cross_site", { reason: `sec-fetch-site: ${site}` });
	}
	const origin = c.req.header("origin");
	if (origin !== undefined && hostOf(origin) !== c.req.header("host")) {
		throw new GatewayError("cross_site", { reason: "origin is another host" });
	}
	const type = c.req.header("content-type") ?? "";
	if (!/^application\/json\b/i.test(type)) {
		throw new GatewayError("cross_site", { reason: "content-type is not application/json" });
	}
}

/** Without a key the address is all that protects: a name that another site made point here is not ours (DNS rebinding). */
function requireLocalHost(c: Context): void {
	const host = c.req.header("host") ?? "";
	if (!LOOPBACK_HOST.test(host)) throw new GatewayError("cross_site", { reason: "host is not a loopback name" });
}

function hostOf(origin: string): string | null {
	return URL.canParse(origin) ? new URL(origin).host : null;
}

function isHttps(c: Context): boolean {
	return c.req.header("x-forwarded-proto") === "https" || c.req.url.startsWith("https:");
}

function addressOf(c: Context): string {
	try {
		return getConnInfo(c).remote.address ?? "unknown";
	} catch {
		return "unknown";
	}
}

interface Claims {
	readonly sub: string;
	/** `AuthDeps.generation` at log-in. */
	readonly gen: string;
	/** ms since epoch. */
	readonly exp: number;
	readonly jti: string;
}

function signSession(claims: Claims, secret: Buffer): string {
	const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
	return `${payload}.${signature(payload, secret).toString("base64url")}`;
}

/** null for anything that this secret did not sign. */
function readSession(text: string, secret: Buffer): Claims | null {
	const [payload = "", signed = ""] = text.split(".");
	const expected = signature(payload, secret);
	const given = Buffer.from(signed, "base64url");
	if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
	return JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as Claims;
}

function signature(payload: string, secret: Buffer): Buffer {
	return createHmac("sha256", secret).update("warmpath session 2\0").update(payload).digest();
}
