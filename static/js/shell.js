// What every page has: menus, the command dialog, toasts, the choice of theme, the line about the connection.
import "./commands.js";
import "./kept.js";
import "./menus.js";
import "./offline.js";
import "./replaced.js";
import "./theme-choice.js";
import "./toasts.js";
