// An evening in a shop's server, told by an unmodified SDK: node speak.mjs segment|rudder <host> <key> [gzip] [quiet]
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const [, , which, host, key, ...words] = process.argv;
const gzip = words.includes("gzip");

function tell(sdk, wrap = (message) => message) {
  sdk.identify(wrap({
    userId: "elena-1",
    anonymousId: "browser-1",
    traits: { email: "elena@example.com", firstName: "Elena", shoe_size: 39 },
  }));
  sdk.track(wrap({
    userId: "elena-1",
    event: "Product Added",
    properties: { cart_id: "c1", sku: "R1", name: "Runner", price: 89.9, quantity: 1 },
  }));
  sdk.page(wrap({ userId: "elena-1", name: "Home", properties: { url: "https://shop.example/" } }));
  sdk.group(wrap({ userId: "elena-1", groupId: "acme", traits: { name: "Acme" } }));
  sdk.track(wrap({ anonymousId: "visitor-2", event: "Product Viewed", properties: { sku: "R2" } }));
  sdk.alias(wrap({ previousId: "visitor-2", userId: "elena-1" }));
}

if (which === "segment") {
  const { Analytics } = require("@segment/analytics-node");
  const sdk = new Analytics({ writeKey: key, host, flushAt: 20, flushInterval: 200 });
  sdk.on("error", (error) => console.error("error", error));
  tell(sdk);
  await sdk.closeAndFlush({ timeout: 30000 });
} else {
  const Rudder = require("@rudderstack/rudder-sdk-node").default ?? require("@rudderstack/rudder-sdk-node");
  const sdk = new Rudder(key, { dataPlaneUrl: host, gzip, flushAt: 20, flushInterval: 200, logLevel: "error" });
  tell(sdk);
  await sdk.flush();
}
console.log("told");
