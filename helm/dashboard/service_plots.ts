import { formatMemory, formatMilliseconds, formatPercent, formatRate } from "../control/figures.ts";
import type { FigureRange } from "../figures/figure_range.ts";
import { isSeenByNexus } from "../figures/traffic.ts";
import { plotView } from "./figure_plot.ts";

/** What a page shows of one service's figures, for the view "service_figures". */
export function servicePlots(service: string, range: FigureRange): object[] {
  const isHour = range.hours === 1;
  const isSeen = isSeenByNexus(service);
  const unseen = { empty: "Its requests do not come through Nexus, so they are not counted." };
  const common = {
    span: isHour ? "last hour" : "last 24 hours",
    times: isHour ? ["60 min ago", "30 min ago", "now"] : ["24 h ago", "12 h ago", "now"],
  };
  return [
    plotView({
      ...common,
      id: "cpu",
      title: "CPU",
      lines: [{ label: "CPU", points: range.cpuPercent }],
      format: formatPercent,
      leastTop: 5,
    }),
    plotView({
      ...common,
      id: "memory",
      title: "Memory",
      lines: [{ label: "Memory", points: range.memoryBytes }],
      format: formatMemory,
      leastTop: 1e6,
    }),
    plotView({
      ...common,
      id: "requests",
      title: "Requests a minute",
      lines: [
        { label: "all", points: range.requestsPerMinute },
        { label: "failed (5xx)", points: range.serverErrorsPerMinute },
      ],
      format: formatRate,
      leastTop: 10,
      ...(!isSeen && unseen),
    }),
    plotView({
      ...common,
      id: "latency",
      title: "Time until an answer begins",
      lines: [
        { label: "p50", points: range.latencyP50Ms },
        { label: "p95", points: range.latencyP95Ms },
      ],
      format: formatMilliseconds,
      leastTop: 10,
      ...(range.requestsPerMinute.some((rate) => rate !== null) && {
        empty: `No request has come through Nexus in the ${common.span}.`,
      }),
      ...(!isSeen && unseen),
    }),
  ];
}
