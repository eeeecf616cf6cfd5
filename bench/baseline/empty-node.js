// An empty Node: nothing but a timer that keeps it alive.
setInterval(() => {}, 1_000_000);
