/*
 * scalar: what YAML 1.1 would make of a text without quotes.
 *
 * libyaml hands scalars out as texts, and the key decides the type. A text that other YAML readers
 * take for something else is refused where a text is expected, so that a policy means to us what
 * it means to every editor, template engine and colleague: `on`, `022`, `1:30`, `2026-01-01`.
 */
#pragma once

/* A sentence part such as "is a boolean in YAML 1.1", or NULL when @text is a plain text. */
const char *scalar_surprise(const char *text);
