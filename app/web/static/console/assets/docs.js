// Swagger UI as the operator's console: what it authorises with stays in this tab.

import { forgetKey, keepKey, keptKey } from "/console/assets/key.js";

const SCHEME = "adminKey";
const PREFERS_DARK = matchMedia("(prefers-color-scheme: dark)");

const rememberForThisTab = {
  statePlugins: {
    auth: {
      wrapActions: {
        authorize: (authorize) => (payload) => {
          const secret = payload[SCHEME]?.value;
          if (typeof secret === "string") {
            const trimmed = secret.trim(); // copied keys bring blanks along
            payload = { ...payload, [SCHEME]: { ...payload[SCHEME], value: trimmed } };
            keepKey(trimmed);
          }
          return authorize(payload);
        },
        logout: (logout) => (names) => {
          if (names.includes(SCHEME)) {
            forgetKey();
          }
          return logout(names);
        },
      },
      wrapSelectors: {
        // Sessions and signatures are made elsewhere: whoever sits here has an admin key.
        definitionsToAuthorize: (all) => (state) => all(state).filter((each) => each.has(SCHEME)),
      },
    },
  },
};

// OpenAPI knows no parameters with slashes, so Swagger UI encodes those of Infobip's paths.
function withSlashes(request) {
  const [path, ...query] = request.url.split("?");
  if (/\/infobip\//.test(path)) {
    request.url = [path.replace(/%2F/gi, "/"), ...query].join("?");
  }
  return request;
}

function followColours() {
  document.documentElement.classList.toggle("dark-mode", PREFERS_DARK.matches);
}

followColours();
PREFERS_DARK.addEventListener("change", followColours);

const ui = globalThis.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#console",
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  persistAuthorization: false, // it would be localStorage, for all tabs and for ever
  plugins: [rememberForThisTab],
  requestInterceptor: withSlashes,
  showCommonExtensions: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  onComplete: () => {
    const secret = keptKey();
    if (secret !== null) {
      ui.preauthorizeApiKey(SCHEME, secret);
    }
    document.body.dataset.state = "ready";
  },
});
