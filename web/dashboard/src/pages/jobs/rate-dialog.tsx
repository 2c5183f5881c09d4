import { useId, useState } from "react";
import { send } from "../../api/client.ts";
import { MAX_RATE } from "../../api/dead-letters.ts";
import type { Job } from "../../api/types.gen.ts";
import { Confirm } from "../../components/dialog.tsx";

/** Changes the rate of a job. */
export function RateDialog({ job, onClose, onDone }: { job: Job; onClose: () => void; onDone: () => void }) {
  const id = useId();
  const [rate, setRate] = useState(String(job.ratePerSecond));
  const value = Number(rate);
  const run = async () => {
    await send("PATCH", `/api/jobs/${job.id}`, { body: { ratePerSecond: value } });
    onDone();
  };
  return (
    <Confirm
      title="Change the rate"
      action="Change the rate"
      disabled={!Number.isInteger(value) || value < 1 || value > MAX_RATE}
      run={run}
      onClose={onClose}
    >
      <label htmlFor={id}>
        <span>Dead letters a second, 1 to {MAX_RATE}</span>
        <input
          id={id}
          type="number"
          min={1}
          max={MAX_RATE}
          value={rate}
          onChange={(event) => setRate(event.target.value)}
        />
      </label>
    </Confirm>
  );
}
