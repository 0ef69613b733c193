# %% [markdown]
# # 4. The estimator, in scikit-learn
#
# `NumpyNetClassifier` is the network of the last example behind scikit-learn's interface: it takes
# labels as they are, and goes wherever an estimator goes. Its parameters are `MLPClassifier`'s, and
# more: here dropout and a schedule.

# %%
from sklearn.decomposition import PCA
from sklearn.metrics import classification_report
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from digit_recognizer import NumpyNetClassifier, load_images

X, y = load_images()
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)

# %% [markdown]
# A pipeline is fitted as a whole, so the scaler and the principal components see no test image.

# %%
network = NumpyNetClassifier(
    hidden_layer_sizes=(64,),
    learning_rate="cosine",
    learning_rate_init=0.005,
    batch_size=64,
    max_iter=15,
    random_state=0,
)
model = make_pipeline(StandardScaler(), PCA(50, random_state=0), network)
model.fit(X, y)
print(f"one network: {model.score(X_test, y_test):.2%}")

# %% [markdown]
# Which dropout? Cross-validation within the training images says it; the test images stay out of
# the choice.

# %%
search = GridSearchCV(model, {"numpynetclassifier__dropout": [0.0, 0.2, 0.4]}, cv=3)
search.fit(X, y)
for dropout, score in zip(
    search.cv_results_["param_numpynetclassifier__dropout"],
    search.cv_results_["mean_test_score"],
    strict=True,
):
    print(f"dropout {dropout}: {score:.2%} in cross-validation")

# %%
print(classification_report(y_test, search.predict(X_test), digits=3))
accuracy = search.score(X_test, y_test)
print(f"{accuracy:.2%} of the images held back are read right")
