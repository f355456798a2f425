// The pages and what of each stands in the URL. Pages are loaded when they are first shown.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { NotFound, PageError } from "./components/Failure.tsx";
import { Shell } from "./components/Shell.tsx";
import { only, parseSearch, stringifySearch } from "./search.ts";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const overview = createRoute({
	getParentRoute: () => root,
	path: "/",
	validateSearch: only(["range"]),
	component: lazyRouteComponent(() => import("./pages/Overview.tsx"), "OverviewPage"),
});

const logs = createRoute({
	getParentRoute: () => root,
	path: "/logs",
	validateSearch: only([
		"model",
		"model_id",
		"key",
		"team",
		"session",
		"status",
		"reason",
		"miss",
		"q",
		"range",
		"live",
		"request",
	]),
	component: lazyRouteComponent(() => import("./pages/Logs.tsx"), "LogsPage"),
});

const sessions = createRoute({
	getParentRoute: () => root,
	path: "/sessions",
	validateSearch: only(["q", "range", "key"]),
	component: lazyRouteComponent(() => import("./pages/Sessions.tsx"), "SessionsPage"),
});

const session = createRoute({
	getParentRoute: () => root,
	path: "/sessions/$session",
	validateSearch: only(["key", "request"]),
	component: lazyRouteComponent(() => import("./pages/Session.tsx"), "SessionPage"),
});

const deployments = createRoute({
	getParentRoute: () => root,
	path: "/deployments",
	validateSearch: only(["group"]),
	component: lazyRouteComponent(() => import("./pages/Deployments.tsx"), "DeploymentsPage"),
});

const keys = createRoute({
	getParentRoute: () => root,
	path: "/keys",
	validateSearch: only(["q", "team"]),
	component: lazyRouteComponent(() => import("./pages/Keys.tsx"), "KeysPage"),
});

const connect = createRoute({
	getParentRoute: () => root,
	path: "/connect",
	validateSearch: only(["client", "model"]),
	component: lazyRouteComponent(() => import("./pages/Connect.tsx"), "ConnectPage"),
});

const explain = createRoute({
	getParentRoute: () => root,
	path: "/explain",
	validateSearch: only(["request"]),
	component: lazyRouteComponent(() => import("./pages/Explain.tsx"), "ExplainPage"),
});

export const router = createRouter({
	routeTree: root.addChildren([overview, logs, sessions, session, deployments, keys, connect, explain]),
	basepath: "/ui",
	parseSearch,
	stringifySearch,
	defaultPreload: "intent",
	defaultErrorComponent: ({ error, reset }) => (
		<PageError error={error instanceof Error ? error : new Error(String(error))} reset={reset} />
	),
	scrollRestoration: true,
});

declare module "@tanstack/react-router" {
	interface Register {
		router: typeof router;
	}
}
