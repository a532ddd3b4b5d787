"use strict";
SwaggerUIBundle({
  url: document.currentScript.dataset.url,
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // Nothing is asked of other hosts.
  validatorUrl: null,
});
