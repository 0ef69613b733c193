"""joblib's backend for Dask, for long tasks on workers that may be lost."""

from functools import partial

from joblib._dask import DaskDistributedBackend


class ClusterBackend(DaskDistributedBackend):
    """joblib's backend, which raises what became of tasks that could not be run.

    Alone it would wait for ever for a task whose workers were lost, and would run the tasks in
    this process where the cluster has a single thread.
    """

    def effective_n_jobs(self, n_jobs):
        """Number of the cluster's threads, but never the one for which joblib asks no backend."""
        return max(2, super().effective_n_jobs(n_jobs))

    def submit(self, func, callback=None):
        """Submit a batch of tasks; the callback also hears of its failure."""
        # joblib before 1.5 knows one name only.
        parent = super()
        start = parent.submit if hasattr(parent, "submit") else parent.apply_async
        future = start(func, callback)
        future.add_done_callback(partial(_tell_failure, callback))
        return future

    apply_async = submit

    def retrieve_result_callback(self, out):
        """The tasks' results, or raise what they raised or why there is none."""
        if isinstance(out, BaseException):
            raise out
        return super().retrieve_result_callback(out)


def _tell_failure(callback, future):
    if future.exception() is not None:
        callback(future.exception())
