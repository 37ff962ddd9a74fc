import { defineConfig, type Plugin } from "vite";

/** The module `hearth` is Hearth's embed.js, fetched by the page, so that it fits the server. */
function hearth(address: string): Plugin {
  return {
    name: "hearth",
    enforce: "pre",
    resolveId: (id) => (id === "hearth" ? { id: `${address}/embed.js`, external: true } : null),
  };
}

export default defineConfig(({ command }) => ({
  base: "/ui/context-card/", // where Hearth serves the folder that CONTEXT_CARD_UI names
  plugins: [hearth(command === "serve" ? "http://localhost:8000" : "")],
}));
