import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { linkTo } from "../lib/filters.ts";

/** The id of the box, for the key `/`. */
export const ID_BOX = "id-box";

/** A box that opens whatever has an id: a notification, a user, an endpoint, a job, a dead letter or a template. */
export function IdBox() {
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const id = text.trim();
    if (id !== "") {
      event.currentTarget.querySelector("input")?.blur();
      setText("");
      navigate(linkTo("/lookup", { id }));
    }
  };
  return (
    <form className="id-box" onSubmit={submit}>
      <input
        id={ID_BOX}
        type="search"
        aria-label="Open an id"
        placeholder="Open an id ( / )"
        value={text}
        maxLength={255}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
      />
    </form>
  );
}
