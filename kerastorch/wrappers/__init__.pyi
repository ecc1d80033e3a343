from .estimators import SKLearnClassifier as SKLearnClassifier
from .estimators import SKLearnRegressor as SKLearnRegressor
from .estimators import SKLearnTransformer as SKLearnTransformer
