// Log-in with the master key or a virtual key. The key goes to the gateway once and is not kept in the browser.
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { post, queryClient } from "../api/client.ts";
import { meQuery } from "../api/queries.ts";
import { Mark } from "../components/Icon.tsx";

export function LoginPage() {
	const [key, setKey] = useState("");
	const login = useMutation({
		mutationFn: (given: string) => post("/api/login", { body: { key: given } }),
		onSuccess: (me) => queryClient.setQueryData(meQuery.queryKey, me),
	});
	const submit = (event: FormEvent): void => {
		event.preventDefault();
		if (key.trim() !== "") login.mutate(key.trim());
	};
	return (
		<main className="login">
			<form className="login-card" onSubmit={submit}>
				<div className="brand">
					<Mark />
					<span>Warmpath</span>
				</div>
				<h1>Log in</h1>
				<p className="muted">With the gateway's master key, or with a virtual key to see its own requests.</p>
				<label className="field">
					<span>Key</span>
					<input
						type="password"
						name="key"
						autoComplete="current-password"
						placeholder="sk-…"
						value={key}
						onChange={(event) => setKey(event.target.value)}
						aria-invalid={login.isError}
						aria-describedby={login.isError ? "login-error" : "login-hint"}
						// biome-ignore lint/a11y/noAutofocus: the page has this one field
						autoFocus
					/>
				</label>
				{login.isError && (
					<p id="login-error" className="field-error" role="alert">
						{login.error.message}
					</p>
				)}
				<button type="submit" className="button primary wide" disabled={login.isPending || key.trim() === ""}>
					{login.isPending ? "Checking…" : "Log in"}
				</button>
				<p id="login-hint" className="hint">
					The master key stands in the configuration as <code>general_settings.master_key</code>.
				</p>
			</form>
		</main>
	);
}
