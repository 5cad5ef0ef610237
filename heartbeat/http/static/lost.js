// The view without a connection: it asks again by itself, so that its age stays right.
"use strict";
addEventListener("online", () => location.reload());
setInterval(() => location.reload(), 30_000);
