// The frame around every page: log-in gate, navigation, theme, help. Leaves content to the pages.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import type { Me } from "../../../src/admin/contract/session.ts";
import { post, queryClient } from "../api/client.ts";
import { meQuery } from "../api/queries.ts";
import { useKeys } from "../keyboard.ts";
import { LoginPage } from "../pages/Login.tsx";
import { setTheme, THEMES, type Theme, useTheme } from "../theme.ts";
import { Failed } from "./Failure.tsx";
import { HelpDialog } from "./Help.tsx";
import { Icon, type IconName, Mark } from "./Icon.tsx";

const PAGES = [
	{ to: "/", label: "Overview", icon: "overview", everyone: true },
	{ to: "/logs", label: "Logs", icon: "logs", everyone: true },
	{ to: "/sessions", label: "Sessions", icon: "sessions", everyone: true },
	{ to: "/deployments", label: "Deployments", icon: "deployments", everyone: false },
	{ to: "/keys", label: "Keys & teams", icon: "keys", everyone: true },
	{ to: "/connect", label: "Connect", icon: "connect", everyone: true },
	{ to: "/explain", label: "Route explainer", icon: "explain", everyone: false },
] as const satisfies readonly { to: string; label: string; icon: IconName; everyone: boolean }[];

/** Of the page before the active one this much is still seen. */
const BESIDE_PX = 60;

export function Shell() {
	const me = useQuery(meQuery);
	if (me.isPending) return <div className="booting" role="status" aria-label="Loading" />;
	if (me.isError) {
		return (
			<main className="login">
				<Failed error={me.error} retry={() => void me.refetch()} />
			</main>
		);
	}
	return me.data === null ? <LoginPage /> : <Frame me={me.data} />;
}

function Frame({ me }: { readonly me: Me }) {
	const help = useRef<HTMLDialogElement>(null);
	useKeys({
		"?": () => help.current?.showModal(),
		"/": () => document.querySelector<HTMLInputElement>("[data-search]")?.focus(),
	});
	const nav = useRef<HTMLElement>(null);
	const { pathname } = useLocation();
	// On a phone there are more pages than room: this one's name is brought into view.
	// biome-ignore lint/correctness/useExhaustiveDependencies: another page has another active link
	useEffect(() => {
		const active = nav.current?.querySelector(".active");
		if (nav.current === null || active == null) return;
		nav.current.scrollLeft +=
			active.getBoundingClientRect().left - nav.current.getBoundingClientRect().left - BESIDE_PX;
	}, [pathname]);
	const shown = PAGES.filter(({ everyone }) => everyone || me.role !== "owner");
	return (
		<div className="frame">
			<a className="skip" href="#content">
				Skip to content
			</a>
			<header className="side">
				<Link to="/" className="brand">
					<Mark />
					<span>Warmpath</span>
				</Link>
				<nav ref={nav} aria-label="Pages">
					{shown.map(({ to, label, icon }) => (
						<Link
							key={to}
							to={to}
							className="nav"
							activeProps={{ className: "nav active" }}
							activeOptions={{ exact: to === "/", includeSearch: false }}
						>
							<Icon name={icon} />
							<span>{label}</span>
						</Link>
					))}
				</nav>
				<div className="side-foot">
					<ThemeChoice />
					<button
						type="button"
						className="quiet"
						onClick={() => help.current?.showModal()}
						aria-label="Keys and colours"
						aria-keyshortcuts="?"
					>
						<Icon name="help" /> <span>Keys and colours</span>
					</button>
					<WhoAmI me={me} />
				</div>
			</header>
			<main id="content" tabIndex={-1}>
				<Outlet />
			</main>
			<HelpDialog ref={help} />
		</div>
	);
}

function WhoAmI({ me }: { readonly me: Me }) {
	const logout = useMutation({
		mutationFn: () => post("/api/logout", {}),
		onSettled: () => {
			queryClient.clear();
			void queryClient.invalidateQueries();
			window.location.assign("/ui/");
		},
	});
	const name =
		me.key_alias ?? (me.id === "master" ? "master key" : me.id === "local" ? "local, no key" : "virtual key");
	return (
		<div className="who">
			<span className="who-name" title={me.id}>
				{name}
				<small>{me.role === "owner" ? "own data only" : me.read_only ? "read only" : me.role}</small>
			</span>
			{me.id !== "local" && (
				<button
					type="button"
					className="quiet icon-only"
					onClick={() => logout.mutate()}
					aria-label="Log out"
					title="Log out"
				>
					<Icon name="logout" />
				</button>
			)}
		</div>
	);
}

const THEME_ICONS: Readonly<Record<Theme, IconName>> = { system: "system", light: "sun", dark: "moon" };

function ThemeChoice() {
	const theme = useTheme();
	return (
		<fieldset className="segments">
			<legend className="hidden">Theme</legend>
			{THEMES.map((each) => (
				<label key={each} title={`${each} theme`}>
					<input type="radio" name="theme" value={each} checked={theme === each} onChange={() => setTheme(each)} />
					<Icon name={THEME_ICONS[each]} />
					<span className="hidden">{each}</span>
				</label>
			))}
		</fieldset>
	);
}
