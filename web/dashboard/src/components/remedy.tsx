import { Link } from "wouter";
import { type Failed, remedyOf } from "../lib/remedies.ts";

/** What to do about a failure, if that is known. */
export function RemedyText({ reason, failed }: { reason: string; failed?: Failed }) {
  const remedy = remedyOf(reason, failed);
  if (!remedy) {
    return null;
  }
  return (
    <>
      {remedy.text}
      {remedy.link && (
        <>
          {" "}
          <Link href={remedy.link.href}>{remedy.link.text}</Link>
        </>
      )}
    </>
  );
}
