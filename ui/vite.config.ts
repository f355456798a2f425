// Builds the admin UI into dist/ui, which the gateway serves at /ui. `vite dev` sends API calls to a gateway on port 4000.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Whatever runs the build (a test, say), what is built is React's production form.
if (process.argv.includes("build")) process.env["NODE_ENV"] = "production";

const API = ["/api", "/key", "/team", "/user", "/customer", "/budget", "/health"];

export default defineConfig({
	root: import.meta.dirname,
	base: "/ui/",
	plugins: [react()],
	build: {
		outDir: "../dist/ui",
		emptyOutDir: true,
		target: ["chrome123", "firefox125", "safari17.5"],
		// A data: URL would need a wider content security policy.
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
	},
	server: { proxy: Object.fromEntries(API.map((path) => [path, "http://127.0.0.1:4000"])) },
});
