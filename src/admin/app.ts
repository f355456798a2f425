// The control plane's HTTP app: health, login, keys, log, UI. Leaves client traffic to proxy.
import { Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { GatewayError } from "../errors.ts";
import { CONTRACT } from "./contract/index.ts";
import { refuseUnstorableUrls } from "./http/body.ts";
import { logRoutes } from "./log/requests.ts";
import { spendRoutes } from "./log/spend.ts";
import { type OperateDeps, operateRoutes } from "./operate/routes.ts";
import { budgetRoutes } from "./records/budgets.ts";
import { customerRoutes } from "./records/customers.ts";
import { keyRoutes } from "./records/keys.ts";
import { teamRoutes } from "./records/teams.ts";
import { userRoutes } from "./records/users.ts";
import { type AuthDeps, createAdminAuth } from "./session/auth.ts";
import { builtUi, uiRoutes } from "./ui.ts";

/** What the control plane looks at; functions are called at the time of a request, so a reload is seen at once. */
interface AdminDeps extends OperateDeps {
	/** Who may use the control plane. */
	readonly auth: AuthDeps;
	/** Called with faults of ours: the answer does not say what they were. */
	readonly failed?: (error: unknown, request: string) => void;
}

/** Whether the control plane answers this path. */
export function isControlPlanePath(path: string): boolean {
	const end = path.indexOf("/", 1);
	return SEGMENTS.has(path.slice(1, end === -1 ? undefined : end));
}

/** What its paths begin with. */
const SEGMENTS = new Set(["ui", ...Object.keys(CONTRACT).map((name) => name.split("/")[1])]);

const RECORDS = [keyRoutes, teamRoutes, userRoutes, customerRoutes, budgetRoutes];

/** The app. */
export function createAdminApp(deps: AdminDeps): Hono {
	const app = new Hono();

	const { requireRole, routes } = createAdminAuth(deps.auth);
	app.use(limitBody(() => deps.config().limits.maxBodyBytes));
	app.use(refuseUnstorableUrls);

	app.route("/", routes);
	for (const part of RECORDS) app.route("/", part(deps.records, requireRole));
	app.route("/", logRoutes(deps, requireRole));
	app.route("/", spendRoutes(deps, requireRole));
	app.route("/", operateRoutes(deps, requireRole));
	app.route("/", uiRoutes(builtUi));

	app.notFound((c) => answer(new GatewayError("not_found", { method: c.req.method, path: c.req.path })));
	app.onError((error, c) => {
		const known = error instanceof GatewayError ? error : new GatewayError("internal", {}, { cause: error });
		if (known.code === "internal") deps.failed?.(known.cause, `${c.req.method} ${c.req.path}`);
		return answer(known);
	});
	return app;
}

/** Forms and keys are small. */
const MOST_BODY_BYTES = 1024 * 1024;
/** Takes a prompt inside a JSON text, where each quote of it takes two bytes. */
const EXPLAIN_PATH = "/api/explain";
const ESCAPED = 2;

/** Refuses larger bodies with body_too_large, before they are held and before it is known who sends them. */
function limitBody(maxPromptBytes: () => number): MiddlewareHandler {
	return (c, next) => {
		const maxSize =
			c.req.path === EXPLAIN_PATH && c.req.header("content-length") !== undefined
				? Math.max(MOST_BODY_BYTES, maxPromptBytes() * ESCAPED)
				: MOST_BODY_BYTES;
		const onError = () => {
			throw new GatewayError("body_too_large", { limit: maxSize });
		};
		return bodyLimit({ maxSize, onError })(c, next);
	};
}

function answer(error: GatewayError): Response {
	const body = { type: "error", error: { type: error.anthropicType, message: error.message }, request_id: null };
	return new Response(JSON.stringify(body), {
		status: error.status,
		headers: { "content-type": "application/json", ...error.headers },
	});
}
