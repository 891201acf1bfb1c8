"""What several pages share: cached captioners, the picture picker and the word player. Only this knows Streamlit."""
