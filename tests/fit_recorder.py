"""A callback that remembers what it was told, and what a model says in the end."""


class Recorder:
    """Remembers each call; stops after the epoch `stop_at`, fails at `fail_at`."""

    def __init__(self, stop_at=None, fail_at=None):
        self.stop_at = stop_at
        self.fail_at = fail_at
        self.calls = []
        self.data = []
        self.models = []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.calls.append(f"{context.task_name} {context.task_id} begins")
        self.data.append((X, y, metadata))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.calls.append(f"{context.task_name} {context.task_id} ends")
        self.data.append((X, y, metadata))
        if context.task_name != "fit":
            self.models.append(fitted_estimator)
        if context.task_id + 1 == self.fail_at:
            raise RuntimeError("no further")
        return context.task_name != "fit" and context.task_id + 1 == self.stop_at


def outputs(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
