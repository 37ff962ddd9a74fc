"""A small library that speaks Infobip's OAuth 2.0 and APIs; it knows nothing of the application.

"Documented" below means Infobip's page on API authentication; "seen" means observed in
Infobip's public sample app, its OpenAPI documents or another public product.
"""
